COPY t (id, v) FROM stdin;
1	one; -- 'two
2	\N
\.
DELETE FROM t WHERE id = 3;
