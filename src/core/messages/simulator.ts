/** SYS6xxx */
export {};
