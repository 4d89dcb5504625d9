-- The ledger's database is made by the image; Prefect has one of its own: neither touches the other's tables.
CREATE DATABASE prefect OWNER shangxin;
