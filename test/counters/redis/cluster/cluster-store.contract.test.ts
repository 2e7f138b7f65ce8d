import { counterStoreContract } from '../../../contract/counter-store.ts';
import { pause } from '../../../support/child.ts';
import { startClusterRig } from '../../../support/cluster-rig.ts';
import { startStore } from './rig.ts';

counterStoreContract('a cluster of redis', async () => {
  const servers = await startClusterRig();
  const rig = await startStore(servers);
  return {
    store: rig.gate,
    // All servers are on one host.
    now: async () => Date.now(),
    reach: (time) => pause(Math.max(0, time + 2 - Date.now())),
    vectorsLast: true,
    isSplit: true,
    close: async () => {
      await rig[Symbol.asyncDispose]();
      await servers[Symbol.asyncDispose]();
    },
  };
});
