/** What the reference answered to cases written by hand, one facet of its behaviour each. */
import { conformance } from './conformance.ts';

conformance('facets.json');
