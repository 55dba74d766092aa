import { z } from 'zod';
import { LANES } from '../../domains/webhooks';

/** The lane of a delivery. */
export const lane = z.enum(LANES).meta({ example: 'urgent' });
