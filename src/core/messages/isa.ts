/** SYS5xxx */
export {};
