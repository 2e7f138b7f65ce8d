/**
 * A process at the other end of a WorkerChild, told how to behave by its first argument, or by PEER
 * where a supervisor starts it. It stands for workers that the real one cannot be made to be.
 */
import type { Order, Report } from '../../src/workers/protocol.ts';

const [argument] = process.argv.slice(2);
const behaviour = argument === 'worker' ? process.env['PEER'] : argument;
const send = (report: Report): void => void process.send?.(report);

let connections = 0;
/** `ill-ends` does not end well. */
const stopCode = behaviour === 'ill-ends' ? 4 : 0;

function obey(order: Order, socket: unknown): void {
  if (order.kind === 'stop' && behaviour !== 'deaf') process.exit(stopCode);
  if (order.kind === 'connection') {
    connections += 1;
    (socket as { end(text: string): void } | undefined)?.end('taken');
    // `greedy` never says that it has taken one.
    if (behaviour !== 'greedy') send({ kind: 'taken', connections });
  }
  if (order.kind === 'rules') send({ kind: 'ready', version: order.version });
  if (order.kind === 'commit') send({ kind: 'serving' });
  // Serves, and then no more.
  if (order.kind === 'commit' && behaviour === 'short-lived') setTimeout(() => process.exit(9), 20);
  if (order.kind === 'ask' && behaviour === 'answers') {
    const { id, question } = order;
    if (question.kind === 'counts') send({ kind: 'answer', id, answer: null });
    else send({ kind: 'unanswered', id, text: 'no answer to that' });
  }
}

if (behaviour !== 'silent') {
  process.on('message', (order, socket) => obey(order as Order, socket));
  process.once('disconnect', () => process.exit(0));
  if (behaviour === 'fails') send({ kind: 'failed', text: 'GRPC_X=y cannot be read' });
  if (behaviour === 'last-words') {
    process.send?.({ kind: 'failed', text: 'last words' }, () => process.exit(3));
  } else send({ kind: 'alive', isServing: behaviour !== 'unhealthy', connections });
} else setInterval(() => {}, 60_000);
