#!/usr/bin/env node
console.error('intentd: not assembled yet');
process.exitCode = 2;
