import type { OpenApiGeneratorV31 } from '@asteasolutions/zod-to-openapi';

/** An OpenAPI document as it is generated. */
export type Document = ReturnType<OpenApiGeneratorV31['generateDocument']>;
