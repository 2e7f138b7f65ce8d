/**
 * Certificates that are renewed while Weir runs: the PEM files are read every few seconds, and what
 * has changed is put in force for new connections.
 *
 * They are read, not watched: mounts swap links, tools write in place, network file systems tell
 * nobody. New texts count when two looks in a row have read the same, since certificate and key are
 * written one after the other. Texts that do not fit together, or cannot be read, leave in force
 * what is, and are complained of once.
 */
import type { GrpcTls } from '../settings/settings.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ServerTls } from '../wire/server-tls.ts';
import { rereadTls } from './tls-files.ts';

/** Three small files each time; certificates are renewed hours before they end. */
const LOOK_MS = 5000;

export interface TlsReloadParts {
  readonly files: GrpcTls;
  /** What the listener was started with. */
  readonly inForce: ServerTls;
  /** Puts in force; throws with a message for the operator, and changes nothing, when it cannot. */
  readonly apply: (tls: ServerTls) => void;
  readonly logger: Pick<Logger, 'info' | 'error'>;
  /** Between two looks. */
  readonly lookMs?: number;
}

export class TlsReload {
  readonly #parts: TlsReloadParts;
  /** Read at the last look. */
  #seen: ServerTls;
  /** Put in force last, or refused. */
  #settled: ServerTls;
  #complaint = '';
  #isLooking = false;
  #timer: NodeJS.Timeout | undefined;
  /** Texts put in force, and texts that could not be. */
  readonly counts = { applied: 0, failed: 0 };

  constructor(parts: TlsReloadParts) {
    this.#parts = parts;
    this.#seen = parts.inForce;
    this.#settled = parts.inForce;
  }

  start(): void {
    this.#timer = setInterval(() => void this.look(), this.#parts.lookMs ?? LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Reads the files once; never rejects. */
  async look(): Promise<void> {
    // A file system that hangs is asked once.
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      this.#consider(await rereadTls(this.#parts.files));
    } catch (error) {
      this.#complain((error as Error).message);
    } finally {
      this.#isLooking = false;
    }
  }

  #consider(tls: ServerTls): void {
    const isSettled = isSame(tls, this.#settled);
    const isSteady = isSame(tls, this.#seen);
    this.#seen = tls;
    if (isSettled || !isSteady) return;
    this.#settled = tls;
    this.#parts.apply(tls);
    this.counts.applied++;
    this.#complaint = '';
    this.#parts.logger.info('gRPC: the certificates were reloaded');
  }

  #complain(text: string): void {
    if (text === this.#complaint) return;
    this.#complaint = text;
    this.counts.failed++;
    this.#parts.logger.error('gRPC: the old certificates stay in force', { error: text });
  }
}

function isSame(one: ServerTls, other: ServerTls): boolean {
  const isSameCa =
    one.clientCa === null || other.clientCa === null
      ? one.clientCa === other.clientCa
      : one.clientCa.equals(other.clientCa);
  return isSameCa && one.cert.equals(other.cert) && one.key.equals(other.key);
}
