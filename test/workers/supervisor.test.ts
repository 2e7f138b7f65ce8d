/** The supervisor as main.ts composes it, over processes of a script that behaves as it is told. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { composeSupervisor, workerCount } from '../../src/workers/compose-supervisor.ts';
import { freeServicePorts, isListening, type ServicePorts } from '../support/service.ts';
import { settingsOf } from '../support/settings.ts';

const SCRIPT = new URL('peer-process.ts', import.meta.url);
const LIMITS =
  'domain: shop\ndescriptors:\n  - { key: user, rate_limit: { unit: hour, requests_per_unit: 5 } }\n';

interface Run {
  readonly supervisor: ReturnType<typeof composeSupervisor>['supervisor'];
  /** Its exit code, when it has stopped. */
  readonly code: Promise<number>;
  readonly ports: ServicePorts;
  readonly log: () => string;
  readonly get: (port: keyof ServicePorts, path: string) => Promise<string>;
  readonly write: (text: string) => void;
}

async function run(
  behaviour: string,
  env: Readonly<Record<string, string>> = {},
  workerEnv: NodeJS.ProcessEnv = {},
): Promise<Run> {
  const ports = await freeServicePorts();
  const home = mkdtempSync(join(tmpdir(), 'weir-supervisor-'));
  onTestFinished(() => rmSync(home, { recursive: true }));
  const write = (text: string): void => writeFileSync(join(home, 'shop.yaml'), text);
  write(LIMITS);
  const settings = settingsOf({
    HOST: '127.0.0.1',
    PORT: String(ports.http),
    GRPC_HOST: '127.0.0.1',
    GRPC_PORT: String(ports.grpc),
    DEBUG_HOST: '127.0.0.1',
    DEBUG_PORT: String(ports.debug),
    LIMITS_DIRECTORY: home,
    REDIS_URL: '127.0.0.1:1',
    REDIS_SOCKET_TYPE: 'tcp',
    WORKERS: '2',
    LOG_LEVEL: 'INFO',
    ...env,
  });
  const lines: string[] = [];
  const spy = vi.spyOn(process.stderr, 'write').mockImplementation((line) => {
    lines.push(String(line));
    return true;
  });
  onTestFinished(() => spy.mockRestore());
  const { supervisor } = composeSupervisor(settings, {
    workers: workerCount(settings),
    entry: SCRIPT,
    env: { PATH: process.env['PATH'], PEER: behaviour, ...workerEnv },
  });
  const code = supervisor.run();
  onTestFinished(async () => {
    supervisor.stop();
    supervisor.kill();
    await code;
  });
  return {
    supervisor,
    code,
    ports,
    write,
    log: () => lines.join(''),
    get: async (port, path) => (await fetch(`http://127.0.0.1:${ports[port]}${path}`)).text(),
  };
}

async function serving({ get }: Run): Promise<void> {
  await expect
    .poll(() => get('http', '/healthcheck').catch(() => ''), { timeout: 10_000 })
    .toBe('OK');
}

test('it opens the gRPC port when all workers serve, and connections reach them', async () => {
  const running = await run('answers');
  expect(running.supervisor.ailment).toBe('starting');
  await serving(running);
  const socket = connect(running.ports.grpc, '127.0.0.1').setEncoding('utf8');
  let text = '';
  for await (const part of socket) text += String(part);
  expect(text).toBe('taken');
  const page = await running.get('debug', '/metrics');
  expect(page).toContain('weir_workers{state="serving"} 2');
  expect(page).toContain('process_cpu_seconds_total');
  expect(await running.get('debug', '/rlconfig')).toMatch(/^shop\.user: /);
  expect(await running.get('http', '/json')).toContain('Service Unavailable');
  expect(await running.get('debug', '/debug/pprof/profile?seconds=1')).toContain('Error');
  expect(running.log()).toContain('all workers have the newest rules');
  running.supervisor.stop();
  expect(await running.code).toBe(0);
  expect(await isListening(running.ports.grpc)).toBe(false);
});

test('workers that end are replaced until it is too often, and then it ends with 1', async () => {
  const running = await run('short-lived');
  expect(await running.code).toBe(1);
  expect(running.log()).toMatch(/weir cannot go on" error="11 workers ended within 60 s/);
  expect(running.log()).toMatch(/a worker ended" worker=1 pid=\d+ reason=crashed code=9/);
});

test('what one worker cannot start with ends the start, by its own words', async () => {
  const running = await run('fails');
  expect(await running.code).toBe(1);
  expect(running.log()).toContain('weir cannot go on" error="GRPC_X=y cannot be read"');
});

test('processes that cannot be started are tried as often, and then it ends with 1', async () => {
  const running = await run('answers', {}, { NO_ENVIRONMENT_HOLDS: 'a zero: \0' });
  expect(await running.code).toBe(1);
  expect(running.log()).toContain('no process could be started');
  expect(running.log()).toContain('weir cannot go on" error="11 workers ended within 60 s');
});

test('a worker that is told to stop and ends badly makes the exit code 1', async () => {
  const running = await run('ill-ends');
  await serving(running);
  running.supervisor.stop();
  running.supervisor.stop();
  expect(running.supervisor.ailment).toBe('draining');
  expect(await running.code).toBe(1);
});

test('told to stop before its workers serve it ends with 0', async () => {
  const running = await run('answers');
  running.supervisor.stop();
  expect(await running.code).toBe(0);
  expect(running.log()).not.toContain('weir serves');
});

test('in its drain delay health fails, and the gRPC port still takes connections', async () => {
  const running = await run('deaf', { DRAIN_DELAY: '20s' });
  await serving(running);
  running.supervisor.stop();
  expect(await running.get('http', '/healthcheck')).toBe('draining\n');
  expect(await isListening(running.ports.grpc)).toBe(true);
  running.supervisor.kill();
  expect(await running.code).toBe(1);
  expect(await isListening(running.ports.grpc)).toBe(false);
});

test('changed rules reach the workers as a new version', async () => {
  const running = await run('answers');
  await serving(running);
  running.write(LIMITS.replace('5', '6'));
  await expect
    .poll(running.log, { timeout: 10_000 })
    .toContain('all workers have the newest rules" version=2');
});

test('WORKERS=auto is one for each core', () => {
  const settings = settingsOf({ REDIS_URL: '127.0.0.1:1', WORKERS: 'auto' });
  expect(workerCount(settings)).toBeGreaterThan(0);
  expect(settings.server.workers).toBe('auto');
});
