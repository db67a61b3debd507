/** The tool's version, as result documents and `--version` print it. A test keeps it equal to package.json. */
export const version = '0.1.0';
