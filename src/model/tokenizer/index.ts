export { createTokenizer, type Tokenizer, type TokenizerOptions, type Tokens } from './tokenizer.js';
export { padTokens, type PaddedTokens } from './batch.js';
