/** Where a node of a cluster sends a call that it does not make. */
import type { StoreFailure } from '../../../limiter/counter-store.ts';
import type { HostPort } from '../redis-options.ts';

export type Redirection =
  /** The slot is another node's. */
  | { readonly kind: 'moved'; readonly address: HostPort }
  /** The slot is being moved there, and these keys are there already, or new. */
  | { readonly kind: 'ask'; readonly address: HostPort }
  /** Some keys are here and some there. */
  | { readonly kind: 'try-again' };

const PLACE = /^redis: (MOVED|ASK) \d{1,5} (.*):(\d{1,5})$/;

/** `asked`: who answered; it may name itself by no host, or by `?`. Null for any other failure. */
export function redirectionOf({ code, text }: StoreFailure, asked: HostPort): Redirection | null {
  if (code !== 'refused') return null;
  if (text.startsWith('redis: TRYAGAIN ')) return { kind: 'try-again' };
  const [, kind, host = '', port] = PLACE.exec(text) ?? [];
  if (kind === undefined) return null;
  const address = hostPort(host, Number(port), asked);
  return { kind: kind === 'ASK' ? 'ask' : 'moved', address };
}

/** A node that does not know its own host leaves it out. */
export function hostPort(host: string, port: number, asked: HostPort): HostPort {
  return { host: host === '' || host === '?' ? asked.host : host, port };
}
