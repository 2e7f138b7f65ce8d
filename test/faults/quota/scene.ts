/** What scenes with a whole group have in common: Redis, five replicas, a load on them until something is seen. */
import { type RedisServer, startRedis } from '../../support/redis-server.ts';
import { order } from '../scene.ts';
import { Fleet, type FleetOptions, redisEnv } from './fleet.ts';
import { FleetLoad } from './fleet-load.ts';
import { GROUP_FORM } from './form.ts';
import type { Network } from './network.ts';
import { type LeasedRule, limitsFiles, Traffic } from './traffic.ts';

const { hotLimit, hotPerSecond, ampleLimit, amplePerSecond } = GROUP_FORM;

/** Everybody wants more of it than there is. */
export const HOT: LeasedRule = {
  key: 'hot',
  unit: 'second',
  limit: hotLimit,
  wanted: hotPerSecond,
};
/** There is more of it than anybody wants. */
export const AMPLE: LeasedRule = {
  key: 'ample',
  unit: 'second',
  limit: ampleLimit,
  wanted: amplePerSecond,
};
export const VOTERS = 3;
export const LESSEES = 2;

export interface SceneOptions extends Partial<FleetOptions> {
  readonly rules: readonly LeasedRule[];
}

export class GroupScene {
  readonly redis: RedisServer;
  readonly fleet: Fleet;
  readonly traffic: Traffic;

  private constructor(redis: RedisServer, fleet: Fleet, traffic: Traffic) {
    this.redis = redis;
    this.fleet = fleet;
    this.traffic = traffic;
  }

  static async start({ rules, network, env, ...options }: SceneOptions): Promise<GroupScene> {
    const { voters = VOTERS, lessees = LESSEES } = options;
    const hosts = hostsFor(network, voters + lessees);
    const redis = await startRedis({
      args: ['--bind', ...new Set(['127.0.0.1', ...hosts]), '--protected-mode', 'no'],
    });
    try {
      const fleet = await Fleet.start({
        ...options,
        voters,
        lessees,
        files: limitsFiles(rules),
        env: (at) => ({ ...redisEnv(hosts[at] as string, redis.port), ...env?.(at) }),
        ...(network === undefined ? {} : { network }),
      });
      return new GroupScene(redis, fleet, new Traffic(rules));
    } catch (error) {
      await redis.stop();
      throw error;
    }
  }

  startLoad(): Promise<FleetLoad> {
    return FleetLoad.start({
      targets: this.fleet.targets,
      ratePerSecond: this.traffic.ratePerSecond,
      durationMs: GROUP_FORM.testMsMax,
      requests: this.traffic.requests,
    });
  }

  /** Scripts that Redis ran so far: what counting there would be. */
  scriptCalls(): Promise<number> {
    return order(this.redis.port, async (redis) => {
      const stats = await redis.info('commandstats');
      const calls = [...stats.matchAll(/cmdstat_(?:evalsha|eval):calls=(\d+)/g)];
      return calls.reduce((sum, [, count]) => sum + Number(count), 0);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fleet[Symbol.asyncDispose]();
    await this.redis.stop();
  }
}

/** Addresses of this host, as the replicas reach it. */
function hostsFor(network: Network | undefined, replicas: number): string[] {
  return Array.from({ length: replicas }, (_, at) => network?.hostFor(at) ?? '127.0.0.1');
}
