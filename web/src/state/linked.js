// What a link asks for, checked: an Experiment whose models are here, or can be had without asking anybody.
import { LensError } from '../engine/errors.js';
import { placeOf, precisionOf, refOf } from '../engine/refs.js';
import { trouble } from '../strings.js';
import { modelRefs, shownModel, shownRead } from './experiment.js';

/**
 * @param {string} text a JSON document
 * @param {import('../engine/client.js').Client} client
 * @param {import('./shelf.js').Shelf} shelf
 * @returns {Promise<import('./experiment.js').Experiment>} Errors: what the engine cannot read; link_model, link_wants (a model that is not here),
 *   link_no_lens
 */
export async function linked(text, client, shelf) {
  const experiment = await client.parse(text);
  const stranger = [shownModel(experiment), ...modelRefs(experiment)].find((ref) => !shelf.has(ref));
  const place = placeOf(precisionOf(stranger ?? '').base);
  if (stranger !== undefined && place.kind === 'catalog' && !shelf.catalog[place.key])
    throw new LensError('link_model', trouble.linkModel(stranger));
  if (stranger !== undefined) {
    // Nothing is fetched from elsewhere before somebody asks for it.
    shelf.want(stranger, experiment);
    throw new LensError(
      'link_wants',
      place.kind === 'file' ? trouble.wantsFile(place.name) : trouble.wantsHub(refOf(place)),
    );
  }
  if (shownRead(experiment) < 0) throw new LensError('link_no_lens', trouble.linkNoLens);
  return experiment;
}
