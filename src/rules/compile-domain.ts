/** Compiles a domain without holding up the event loop: works a few milliseconds, then lets others. */
import {
  type CompileOptions,
  DomainCompiler,
  type DomainRules,
} from '../core/rules/domain-rules.ts';
import type { DescriptorConfig } from '../core/rules/limits-file.ts';

/** The longest a request waits for the compiler at a time, give or take one descriptor. */
const TURN_MS_MAX = 4;

export async function compileDomain(
  domain: string,
  slices: AsyncIterable<Iterable<DescriptorConfig>>,
  options: CompileOptions,
): Promise<DomainRules> {
  const compiler = new DomainCompiler(domain, options);
  for await (const slice of slices) {
    let turnEnd = performance.now() + TURN_MS_MAX;
    for (const descriptor of slice) {
      compiler.add(descriptor);
      if (performance.now() < turnEnd) continue;
      await new Promise((resolve) => setImmediate(resolve));
      turnEnd = performance.now() + TURN_MS_MAX;
    }
  }
  return compiler.finish();
}
