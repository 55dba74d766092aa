import { PermanentError } from '../../../core/permanent-error';

/** The request can never succeed: what is stored, or what the provider says, contradicts it. */
export class PaymentFault extends PermanentError {}

/** The provider refuses the call as such, for example for a wrong key or an unknown field. */
export class ProviderRefused extends PermanentError {
  constructor(
    message: string,
    readonly code: string,
  ) {
    super(message);
  }
}
