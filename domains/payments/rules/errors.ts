import { PermanentError } from '../../../core/permanent-error';

/** What is asked for cannot come to be: what is stored, or what the provider says, contradicts it. */
export class PaymentFault extends PermanentError {}

/** The provider refuses the call as it is, such as for a wrong key or an unknown field. */
export class ProviderRefused extends PermanentError {
  constructor(
    message: string,
    readonly code: string,
  ) {
    super(message);
  }
}
