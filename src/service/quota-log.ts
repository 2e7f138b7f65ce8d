/** What the group that shares out global quotas reports of itself, as log lines. */
import type { GroupEvent } from '../peers/group/group-event.ts';
import type { Logger } from '../telemetry/logger.ts';

const CLOCK_MESSAGES = {
  good: 'a clock is right again',
  off: 'a clock is off',
  passive: 'a clock is off: its host leaves leading to others',
  fenced: 'a clock is far off: its host neither grants nor spends',
} as const;

/** `isAlone`: that a group of one elects itself is worth no line. */
export function quotaLog(logger: Logger, isAlone: boolean): (event: GroupEvent) => void {
  return (event) => {
    switch (event.kind) {
      case 'role-changed':
        logger.log(isAlone || isOnItsWay(event.role) ? 'DEBUG' : 'INFO', 'quota voter changed', {
          role: event.role,
          term: event.term,
          leader: event.leader ?? '',
        });
        return;
      case 'voter-failed':
        logger.error(
          'the quota voter ended: it grants and votes no more until a restart; rules go on by the other ' +
            'voters, or by their failure modes',
          { error: event.error.message },
        );
        return;
      case 'dropped':
        logger.warn('a message of a quota voter was not taken', {
          from: event.from,
          reason: event.reason,
        });
        return;
      case 'peer-found':
        logger.info('a quota voter is connected', { peer: event.id });
        return;
      case 'peer-lost':
        logger.warn('a quota voter was lost', { peer: event.id, text: event.details });
        return;
      case 'caller-refused':
        logger.warn('a quota peer was refused', { peer: event.caller, reason: event.reason });
        return;
      case 'storage-note':
        logger.warn('quota storage', { note: event.note });
        return;
      case 'storage-opened':
        logger.info('quota storage is open', {
          isNew: event.isNew,
          incarnation: event.incarnation,
        });
        return;
      case 'session-expired':
        logger.info('a holder of leases was given up', {
          holder: event.instance,
          session: event.session,
        });
        return;
      case 'diverged':
        logger.error('two quota voters hold different ledgers: one of them is wrong', {
          peer: event.id,
          index: event.index,
        });
        return;
      case 'clock':
        logger.log(event.state === 'good' ? 'INFO' : 'WARN', CLOCK_MESSAGES[event.state], {
          host: event.id ?? 'this one',
          skewMs: Math.round(event.skewMs),
        });
        return;
    }
  };
}

function isOnItsWay(role: string): boolean {
  return role === 'candidate' || role === 'pre-candidate';
}
