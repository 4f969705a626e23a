-- `unattached` (0005) says it. The column was left for a program that does not know that table and still runs beside one that does; there
-- has been no release of such a program.
ALTER TABLE reservation
    DROP COLUMN attached;
