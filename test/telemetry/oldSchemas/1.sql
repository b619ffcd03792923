-- What an agent of schema 1 wrote: PRAGMA user_version and all its rows.
CREATE TABLE request (
    id INTEGER PRIMARY KEY, time INTEGER NOT NULL, requestId TEXT NOT NULL, dialect TEXT NOT NULL,
    model TEXT, version TEXT, engine TEXT, intent TEXT, confidence REAL, outOfScope INTEGER NOT NULL,
    tokens INTEGER NOT NULL, batchSize INTEGER NOT NULL, queueUs INTEGER NOT NULL,
    tokenizeUs INTEGER NOT NULL, inferUs INTEGER NOT NULL, totalUs INTEGER NOT NULL, energyMj REAL,
    error TEXT, text TEXT) STRICT;
CREATE INDEX request_time ON request (time);
INSERT INTO request VALUES (1, 1795168920000, 'r0', 'native', 'tiny', '1.0.0', 'onnxruntime', 'lights_on', 0.9, 0, 5, 1, 100, 20, 700, 1000, 2.5, NULL, NULL);
INSERT INTO request VALUES (2, 1795168980000, 'r1', 'native', 'tiny', '1.0.0', 'onnxruntime', 'lights_off', 0.9, 0, 6, 1, 100, 20, 700, 1100, 2.5, NULL, NULL);
INSERT INTO request VALUES (3, 1795169040000, 'r2', 'native', 'tiny', '1.0.0', 'onnxruntime', 'lights_off', 0.9, 0, 7, 1, 100, 20, 700, 1200, 2.5, NULL, NULL);
INSERT INTO request VALUES (4, 1795169100000, 'r3', 'native', 'tiny', '1.0.0', 'onnxruntime', 'lights_on', 0.9, 0, 8, 1, 100, 20, 700, 1300, 2.5, NULL, NULL);
INSERT INTO request VALUES (5, 1795169160000, 'r4', 'native', 'tiny', '1.0.0', 'onnxruntime', 'lights_off', 0.9, 0, 9, 1, 100, 20, 700, 1400, 2.5, NULL, NULL);
INSERT INTO request VALUES (6, 1795169220000, 'r5', 'native', 'tiny', '1.0.0', 'onnxruntime', 'lights_off', 0.9, 0, 10, 1, 100, 20, 700, 1500, 2.5, NULL, NULL);
INSERT INTO request VALUES (7, 1795169280000, 'r6', 'native', 'tiny', '1.0.0', 'onnxruntime', 'lights_on', 0.9, 0, 11, 1, 100, 20, 700, 1600, 2.5, NULL, NULL);
INSERT INTO request VALUES (8, 1795169340000, 'r7', 'native', 'tiny', '1.0.0', 'onnxruntime', 'lights_off', 0.9, 0, 12, 1, 100, 20, 700, 1700, 2.5, NULL, NULL);
INSERT INTO request VALUES (9, 1795169400000, 'r8', 'native', 'tiny', '1.0.0', 'onnxruntime', 'lights_off', 0.9, 0, 13, 1, 100, 20, 700, 1800, 2.5, NULL, NULL);
INSERT INTO request VALUES (10, 1795169460000, 'r9', 'native', 'tiny', '1.0.0', 'onnxruntime', 'lights_on', 0.9, 0, 14, 1, 100, 20, 700, 1900, 2.5, NULL, NULL);
INSERT INTO request VALUES (11, 1795169520000, 'r10', 'native', 'tiny', '1.0.0', 'onnxruntime', 'lights_off', 0.9, 0, 15, 1, 100, 20, 700, 2000, 2.5, NULL, NULL);
INSERT INTO request VALUES (12, 1795169580000, 'r11', 'native', 'tiny', '1.0.0', 'onnxruntime', 'lights_off', 0.9, 0, 16, 1, 100, 20, 700, 2100, 2.5, NULL, NULL);
INSERT INTO request VALUES (13, 1795169640000, 'r12', 'native', 'tiny', '1.0.0', 'onnxruntime', NULL, 0.3, 1, 17, 1, 100, 20, 700, 2200, 2.5, NULL, NULL);
INSERT INTO request VALUES (14, 1795169700000, 'r13', 'native', 'tiny', '1.0.0', 'onnxruntime', NULL, 0.9, 0, 18, 1, 100, 20, 700, 2300, NULL, 'overloaded', NULL);
PRAGMA user_version = 1;
