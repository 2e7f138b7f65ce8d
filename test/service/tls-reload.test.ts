import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { registerTlsReload } from '../../src/service/listener-metrics.ts';
import { readTls } from '../../src/service/tls-files.ts';
import { TlsReload } from '../../src/service/tls-reload.ts';
import type { GrpcTls } from '../../src/settings/settings.ts';
import { Logger } from '../../src/telemetry/logger.ts';
import { until } from '../support/child.ts';
import { observed } from '../telemetry/observed.ts';
import { startNative } from '../wire/native/native-fixture.ts';

const PEMS = fileURLToPath(new URL('../wire/tls/', import.meta.url));
const LOOK_MS = 5;

let folder = '';
let files: GrpcTls;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-tls-'));
  mount('server');
  files = {
    certPath: join(folder, 'mounted/cert.pem'),
    keyPath: join(folder, 'mounted/key.pem'),
    clientCaPath: null,
    clientSan: '',
  };
});
const endings: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
  rmSync(folder, { recursive: true });
});

/** Puts the pair of that name in place as mounts do: a link to a new folder, renamed. */
function mount(name: string): void {
  const version = mkdtempSync(join(folder, `${name}-`));
  cpSync(`${PEMS}${name}.pem`, join(version, 'cert.pem'));
  cpSync(`${PEMS}${name}.key.pem`, join(version, 'key.pem'));
  symlinkSync(version, join(folder, 'next'));
  renameSync(join(folder, 'next'), join(folder, 'mounted'));
}

/** Replaces one file, whole. */
function replace(path: string, name: string): void {
  cpSync(`${PEMS}${name}.pem`, join(folder, 'draft.pem'));
  renameSync(join(folder, 'draft.pem'), path);
}

interface Running {
  readonly port: number;
  readonly reload: TlsReload;
  readonly logged: string[];
}

async function serve(): Promise<Running> {
  const inForce = readTls(files);
  const { server, port } = await startNative({}, { tls: inForce, tuning: { lingerMs: 20 } });
  const logged: string[] = [];
  const logger = new Logger({
    level: 'INFO',
    format: 'text',
    write: (line) => logged.push(line),
    now: () => 0,
  });
  const apply = server.reloadTls.bind(server);
  const reload = new TlsReload({ files, inForce, apply, logger, lookMs: LOOK_MS });
  reload.start();
  endings.push(() => reload.stop());
  endings.push(() => server.drain(0));
  return { port, reload, logged };
}

/** The common name of the certificate that a new connection is shown. */
function shownTo(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      port,
      host: '127.0.0.1',
      ca: readFileSync(`${PEMS}ca.pem`),
      ALPNProtocols: ['h2'],
      // The names differ on purpose.
      checkServerIdentity: () => undefined,
    });
    socket.once('secureConnect', () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

describe('renewed PEM files', () => {
  it('are shown to new connections, again and again, while callers connect', async () => {
    const { port, reload, logged } = await serve();
    expect(await shownTo(port)).toBe('server');
    for (const name of ['envoy', 'stranger', 'server']) {
      mount(name);
      await until(
        () => shownTo(port),
        (shown) => shown === name,
      );
    }
    expect(reload.counts).toEqual({ applied: 3, failed: 0 });
    expect(logged).toHaveLength(3);
    expect(logged[0]).toContain('the certificates were reloaded');
  });

  it('that do not fit together leave the old ones in force, and are complained of once', async () => {
    const { port, reload, logged } = await serve();
    replace(files.certPath, 'envoy');
    await until(
      () => reload.counts.failed,
      (failed) => failed > 0,
    );
    expect(await shownTo(port)).toBe('server');
    replace(files.keyPath, 'envoy.key');
    await until(
      () => shownTo(port),
      (shown) => shown === 'envoy',
    );
    const { telemetry, lines } = observed();
    registerTlsReload(telemetry, reload);
    expect(await lines('weir_grpc_tls_reloads_total')).toEqual([
      'weir_grpc_tls_reloads_total{outcome="applied"} 1',
      'weir_grpc_tls_reloads_total{outcome="failed"} 1',
    ]);
    expect(logged.map((line) => /level=(\w+)/.exec(line)?.[1])).toEqual(['error', 'info']);
    expect(logged[0]).toContain('GRPC_SERVER_TLS_CERT');
  });

  it('count when two looks in a row have read the same', async () => {
    const applied: string[] = [];
    const reload = new TlsReload({
      files,
      inForce: readTls(files),
      apply: ({ cert }) => applied.push(cert.toString()),
      logger: { info: () => {}, error: () => {} },
    });
    for (const name of ['envoy', 'stranger']) {
      mount(name);
      await reload.look();
      expect(applied).toEqual([]);
    }
    await reload.look();
    await reload.look();
    expect(applied).toEqual([readFileSync(`${PEMS}stranger.pem`, 'utf8')]);
  });

  it('that are gone leave the old ones in force; back again they count', async () => {
    const { port, reload, logged } = await serve();
    rmSync(files.certPath);
    await until(
      () => reload.counts.failed,
      (failed) => failed > 0,
    );
    expect(logged[0]).toContain(files.certPath);
    expect(await shownTo(port)).toBe('server');
    mount('envoy');
    await until(
      () => shownTo(port),
      (shown) => shown === 'envoy',
    );
  });

  it('hold the client authority too, and unchanged ones are left alone', async () => {
    const clientCaPath = join(folder, 'ca.pem');
    replace(clientCaPath, 'ca');
    files = { ...files, clientCaPath };
    const { reload } = await serve();
    for (const [applied, name] of ['envoy', 'envoy', 'ca'].entries()) {
      replace(clientCaPath, name);
      await until(
        () => reload.counts.applied,
        (count) => count >= Math.max(applied, 1),
      );
    }
    expect(reload.counts).toEqual({ applied: 2, failed: 0 });
  });
});

describe('PEM files at start', () => {
  it('that cannot be read are told with variable and path', () => {
    const missing = { ...files, keyPath: join(folder, 'none.pem') };
    expect(() => readTls(missing)).toThrow(
      `GRPC_SERVER_TLS_KEY=${missing.keyPath} cannot be read: ENOENT`,
    );
  });
});
