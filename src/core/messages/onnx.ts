/** SYS1xxx */
export {};
