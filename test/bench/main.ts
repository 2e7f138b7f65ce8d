/**
 * `npm run bench`: what a request costs, as ratios to a yardstick measured in the same run on the
 * same machine. Absolute numbers are shown for orientation and mean little elsewhere.
 */
import { measureDecode, measureEncode, measureGeneratedDecode } from './codec.ts';
import { measureGrpcJs } from './grpc-js-baseline.ts';
import { measurePipeline, PIPELINE_CASES, pipelineRequests } from './pipeline.ts';
import { measureService } from './service.ts';

const NAME_COLUMNS = 48;
const NUMBER_COLUMNS = 14;

function print(name: string, ...cells: string[]): void {
  console.log(
    name.padEnd(NAME_COLUMNS) + cells.map((cell) => cell.padStart(NUMBER_COLUMNS)).join(''),
  );
}

const requests = pipelineRequests();
const yardstickNs = await measureGrpcJs(requests);

function printCost(name: string, ns: number): void {
  print(name, ns.toFixed(0), `1/${(yardstickNs / ns).toFixed(1)}`);
}

print('CPU per request', 'ns', 'of yardstick');
printCost('yardstick: grpc-js, a handler that does nothing', yardstickNs);
for (const listener of ['grpc-js', 'native'] as const) {
  printCost(
    `service over ${listener} listener, 1 descriptor`,
    await measureService(listener, requests),
  );
}
for (const each of PIPELINE_CASES) printCost(each.name, measurePipeline(each));
printCost('of 1 descriptor: decode', measureDecode());
printCost('of 1 descriptor: decode, generated code', measureGeneratedDecode());
printCost('of 1 descriptor: encode', measureEncode());
