/** SYS3xxx */
export {};
