/** SYS4xxx */
export {};
