/** Loaded before the service by NODE_OPTIONS: the wall clock of its host is an hour ahead. */
const HOUR_MS = 3_600_000;
const trueNow = Date.now;
Date.now = () => trueNow() + HOUR_MS;
