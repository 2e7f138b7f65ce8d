/**
 * How much a limits directory may hold. Each bound is far above what a fleet's configuration needs and
 * low enough that no directory can take the process down: beyond it there is a problem, not a crash.
 */

/**
 * Bytes of one file: some 160,000 rules in block style. Parsing takes about 75 times the text in
 * memory, so a larger file would outgrow the parsing thread.
 */
export const FILE_BYTES_MAX = 16 * 1024 * 1024;

/** Bytes of all files together. */
export const DIRECTORY_BYTES_MAX = 64 * 1024 * 1024;

/** Files of one directory tree: one each for ten thousand domains. */
export const FILES_MAX = 10_000;

/**
 * Names of one directory tree, whatever they name: a folder for each file. Counted before anything is
 * entered, because links can lead anywhere, `/` included.
 */
export const ENTRIES_MAX = 20_000;

/** Folders below the directory: limits of teams of regions, not somebody's whole file system. */
export const FOLDER_DEPTH_MAX = 8;

/**
 * Levels of YAML nesting. A level of descriptors takes two (the list and the map), so this is 64 entries
 * in one descriptor with its rate_limit; Envoy sends a handful.
 */
export const NESTING_MAX = 132;

/**
 * YAML nodes that aliases may stand for in one file. Aliases of aliases grow exponentially; a file that
 * shares one rate_limit among 100,000 descriptors needs 600,000.
 */
export const ALIASED_NODES_MAX = 1_000_000;

/** Folders that the system is asked to watch; its watches are few and shared by the whole machine. */
export const WATCHED_MAX = 64;
