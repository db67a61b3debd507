/** SYS8xxx */
export {};
