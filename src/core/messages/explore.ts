/** SYS7xxx */
export {};
