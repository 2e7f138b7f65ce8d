/** What the reference answered over random trees of rules. */
import { conformance } from './conformance.ts';

conformance('random-11.json');
