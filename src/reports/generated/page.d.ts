// Written by scripts/generate-page.mjs from src/reports/page. Do not edit.
export declare const pageStyle: string;
export declare const pageScripts: string;
