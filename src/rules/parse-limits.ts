/**
 * Text of one limits file ─▶ every problem in it, and what it says if there is no error. Pure: no file
 * is read here, and no text makes it throw.
 *
 * Stages: YAML ─▶ keys and tree ─▶ shape (JSON Schema) ─▶ rules. A text that is not YAML stops at the
 * first, because what is left of it would only produce false alarms; the other stages all run.
 */
import { isMap, type Node } from 'yaml';
import { chargeModeOf } from './charge-mode.ts';
import { DescriptorReader } from './descriptor-reader.ts';
import { LOADING, NodeWalk } from './node-walk.ts';
import { parseInPieces } from './parse-in-pieces.ts';
import type { ParsedLimits, Place } from './parsed-limits.ts';
import { ProblemList } from './problem-list.ts';
import { checkShape } from './shape-check.ts';
import { domainOf } from './tree.ts';
import { TreePlaces } from './tree-places.ts';
import { TreeReader } from './tree-reader.ts';
import { type AliasTargets, aliasTargets } from './yaml-aliases.ts';
import { readYaml } from './yaml-text.ts';

const START: Place = { line: 1, column: 1 };

/** Characters from which a file is read in pieces: below it, all its YAML nodes take some 5 MB. */
const PIECES_FROM = 64 * 1024;

/** `file` is only used to name the place of problems. */
export function parseLimits(file: string, text: string): ParsedLimits {
  const yaml = text.startsWith('\ufeff') ? text.slice(1) : text;
  const inPieces = yaml.length < PIECES_FROM ? null : parseInPieces(file, yaml);
  return inPieces ?? parseWhole(file, yaml);
}

/** As `parseLimits`, with all YAML nodes in memory at once. */
export function parseWhole(file: string, text: string): ParsedLimits {
  const yaml = readYaml(text);
  const problems = new ProblemList(file, yaml.lines);
  for (const { offset, message, referenceLine } of yaml.faults) {
    const reference = `${LOADING}${referenceLine}${message}`;
    problems.error({ offset, path: [], message: `${LOADING}${message}`, reference });
  }
  const aliases = yaml.root === null ? new Map() : aliasTargets(yaml.root, text);
  if (yaml.faults.length > 0) {
    const domain = readDomain(yaml.root, aliases) ?? guessDomain(text);
    return {
      file,
      problems: problems.problems,
      domain,
      config: null,
      domainPlace: START,
      topPlaces: [],
      ownModes: [],
      charge: null,
    };
  }
  return readTree(file, { root: yaml.root, aliases, problems });
}

/**
 * The domain of a text that is no YAML: requests for it must be told so, not let through as unknown.
 */
function guessDomain(text: string): string | null {
  return (
    /^domain:[ \t]*(?:'([^'\n]+)'|"([^"\n]+)"|([^\s'"#]+))/m.exec(text)?.slice(1).find(Boolean) ??
    null
  );
}

interface Nodes {
  readonly root: Node | null;
  readonly aliases: AliasTargets;
  readonly problems: ProblemList;
}

function readTree(file: string, { root, aliases, problems }: Nodes): ParsedLimits {
  const places = new TreePlaces(root, aliases);
  const tree = new TreeReader(new NodeWalk(problems, aliases)).readRoot(root);
  const reader = new DescriptorReader(places, problems);
  const domain = tree === null ? null : domainOf(tree);
  const charge = tree === null ? null : chargeModeOf(tree);
  if (tree !== null) {
    checkShape(tree, places, problems);
    if (domain === null && !problems.hasErrorAt(['domain'])) {
      const message = 'config file cannot have empty domain';
      problems.error({ offset: places.offsetOf(['domain']), path: ['domain'], message }, 'rules');
    }
    reader.readList(tree['descriptors'], `${domain ?? ''}.`);
    reader.inheritFrom(tree);
  }
  const placeAt = (path: readonly (string | number)[]) => problems.placeOf(places.offsetOf(path));
  return {
    file,
    problems: problems.problems,
    domain,
    config:
      domain === null || problems.hasErrors ? null : { domain, descriptors: reader.descriptors },
    domainPlace: placeAt(['domain']),
    topPlaces: reader.topIndexes.map((index) => placeAt(['descriptors', index])),
    ownModes: reader.ownModes,
    charge: charge === null ? null : { mode: charge, place: placeAt(['charge']) },
  };
}

/** The domain of a text that is broken further down; its other problems would be false alarms. */
function readDomain(root: Node | null, aliases: AliasTargets): string | null {
  if (!isMap(root)) return null;
  const silent = new ProblemList('', readYaml('').lines);
  const tree = new TreeReader(new NodeWalk(silent, aliases)).readRoot(root);
  return tree === null ? null : domainOf(tree);
}
