/** Whole groups in one process: real sockets on loopback, real directories, clocks that can be set. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HybridClock } from '../../../src/core/hlc/hybrid-clock.ts';
import { QUOTA_DEFAULTS, type QuotaOptions } from '../../../src/core/quota/options.ts';
import type { Quota } from '../../../src/core/quota/quota.ts';
import { SpendResult } from '../../../src/core/quota/spend-result.ts';
import { Unit } from '../../../src/core/rules/unit.ts';
import type { Clocks } from '../../../src/peers/clocks.ts';
import { SystemResolver } from '../../../src/peers/discovery/resolver.ts';
import type { VoterAddress } from '../../../src/peers/discovery/voter-place.ts';
import type { GroupEvent } from '../../../src/peers/group/group-event.ts';
import type { GroupOptions } from '../../../src/peers/group/group-options.ts';
import { QuotaGroup } from '../../../src/peers/group/quota-group.ts';
import { until } from '../../support/child.ts';
import { freePort } from '../../support/free-ports.ts';

/** Quick, and yet far above what a busy machine delays. */
export const QUICK: QuotaOptions = {
  ...QUOTA_DEFAULTS,
  ttlMs: 4000,
  renewMs: 400,
  retryMs: 300,
  urgentMs: 20,
  electionMsMax: 1000,
  clockJumpMs: 500,
};
const ELECTION_MS = 500;
/** What anything here may take at most on a machine that does other things. */
export const SOON_MS = 15_000;

export const MANY: Quota = { kind: 'count', limit: 1_000_000, unit: Unit.DAY };

export class Member {
  readonly group: QuotaGroup;
  readonly events: GroupEvent[] = [];
  readonly hybrid = new HybridClock();
  /** Added to the wall clock. */
  wallShiftMs = 0;

  constructor(options: Partial<GroupOptions> & { readonly nodeId: string }) {
    const clocks: Clocks = {
      monotonic: () => performance.now(),
      wall: () => Date.now() + this.wallShiftMs,
      random: Math.random,
    };
    this.group = new QuotaGroup({
      clusterId: 'test',
      voters: [],
      listen: null,
      tls: null,
      directory: null,
      electionTimeoutMs: ELECTION_MS,
      quota: QUICK,
      clocks,
      hybrid: this.hybrid,
      resolver: new SystemResolver(),
      readings: () => ({ errorRatio: 0, isStoreHealthy: true }),
      onEvent: (event) => this.events.push(event),
      ...options,
    });
  }

  get id(): string {
    return this.group.lessee.instance;
  }

  get isLeader(): boolean {
    return this.group.status.raft?.leading?.isReady === true;
  }

  kinds(): string[] {
    return this.events.map(({ kind }) => kind);
  }

  track(resource: string, quota: Quota = MANY): void {
    this.group.lessee.track(resource, quota, performance.now());
  }

  spend(resource: string, hits = 1): SpendResult {
    const wall = Date.now() + this.wallShiftMs;
    return this.group.lessee.spend(resource, hits, performance.now(), wall);
  }

  /** What may be spent here now. */
  left(resource: string): number {
    const wall = Date.now() + this.wallShiftMs;
    return this.group.lessee.shareOf(resource, performance.now(), wall)?.left ?? 0;
  }

  /** Asks until it is admitted. */
  async admitted(resource: string): Promise<void> {
    await until(
      () => this.spend(resource),
      (result) => result === SpendResult.ADMITTED,
      SOON_MS,
    );
  }
}

export class GroupRig {
  readonly members: Member[] = [];
  readonly #folders: string[] = [];
  readonly #directories = new Map<string, string>();
  voters: VoterAddress[] = [];

  /** `count` voters, started. */
  static async start(count: number, options: Partial<GroupOptions> = {}): Promise<GroupRig> {
    const rig = new GroupRig();
    for (let at = 1; at <= count; at++) {
      rig.voters.push({ id: `voter-${at}`, host: '127.0.0.1', port: await freePort() });
    }
    await Promise.all(rig.voters.map(({ id }) => rig.addVoter(id, options)));
    return rig;
  }

  folder(): string {
    const folder = mkdtempSync(join(tmpdir(), 'weir-group-'));
    this.#folders.push(folder);
    return folder;
  }

  async addVoter(id: string, options: Partial<GroupOptions> = {}): Promise<Member> {
    const port = this.voters.find((voter) => voter.id === id)?.port ?? 0;
    const listen = { host: '127.0.0.1', port };
    const directory = options.directory ?? join(this.folder(), 'raft');
    this.#directories.set(id, directory);
    return this.add({ nodeId: id, voters: this.voters, listen, ...options, directory });
  }

  directoryOf(id: string): string {
    return this.#directories.get(id) as string;
  }

  /** Any replica, started. */
  async add(options: Partial<GroupOptions> & { readonly nodeId: string }): Promise<Member> {
    const member = new Member({ voters: this.voters, ...options });
    this.members.push(member);
    await member.group.start();
    return member;
  }

  async leader(among: readonly Member[] = this.members): Promise<Member> {
    return (await until(
      () => among.find(({ isLeader }) => isLeader) ?? null,
      (member) => member !== null,
      SOON_MS,
    ))!;
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map(({ group }) => group.stop()));
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true });
  }
}
