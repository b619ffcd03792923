export { openJournal, type Journal } from './journal.js';
