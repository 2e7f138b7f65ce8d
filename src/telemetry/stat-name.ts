/**
 * From a statistic's dotted name, as the reference's statsd has it, to its place on the Prometheus
 * page, as the reference's default mapping puts it there. `<domain>.<path>` is split at its dots:
 * the first part is the domain, the next two are key1 and key2, and what is deeper is dropped. A
 * domain that holds dots itself therefore shifts the keys, as it does in the reference.
 */

/** Characters that statsd itself uses. */
const STATSD_SYNTAX = /[:|]/g;
/** Dots of an address would be taken for levels. */
const IPV4 = /\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}/g;
/** One code point each, so that a letter beyond the basic plane becomes one underscore. */
const NOT_IN_METRIC_NAMES = /[^a-zA-Z0-9_]/gu;
/** What ends a line or moves a terminal's cursor: controls, line and paragraph separators. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}]/gu;
const LABEL_SYNTAX = /["\\\n]/g;

/** The name with what statsd would misread replaced by underscores. */
export function sanitizeStatName(name: string): string {
  return name
    .replaceAll(STATSD_SYNTAX, '_')
    .replaceAll(IPV4, (address) => address.replaceAll('.', '_'));
}

/** A name that stays within its line, whatever a caller put into it: underscores for what would not. */
export function printableName(name: string): string {
  return name.replaceAll(UNPRINTABLE, '_');
}

/** `{domain="shop",key1="user",key2="path_/cart"}` of a sanitised name. */
export function labelsOf(statName: string): string {
  const [domain = '', key1 = '', key2] = statName.split('.', 3);
  const parts = ['{domain="', labelValue(domain), '",key1="', labelValue(key1)];
  if (key2 !== undefined) parts.push('",key2="', labelValue(key2));
  parts.push('"}');
  return parts.join('');
}

/** A dotted name that has no mapping, as a metric name. */
export function flatName(statName: string): string {
  return statName.replaceAll(NOT_IN_METRIC_NAMES, '_');
}

/** Text as the value of a label: the page's three special characters escaped. */
export function labelValue(text: string): string {
  return text.replaceAll(LABEL_SYNTAX, (char) => (char === '\n' ? '\\n' : `\\${char}`));
}
