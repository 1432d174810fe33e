BEGIN TRANSACTION;
CREATE TABLE edits (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time TEXT NOT NULL, author TEXT NOT NULL, action TEXT NOT NULL,
    target INTEGER REFERENCES edits,            -- the edit that an undo or redo is about
    uuid TEXT UNIQUE,                           -- of whoever sent it, so that it happens once
    undone INTEGER,                             -- the undo that took it back, where one stands
    rows INTEGER NOT NULL DEFAULT 0,
    places TEXT NOT NULL DEFAULT '[]',          -- JSON: [[video, frame], …], the first few
    before TEXT NOT NULL, after TEXT NOT NULL   -- JSON: [[table, key, value or null], …]
);
INSERT INTO "edits" VALUES(1,'2026-11-22T08:46:59.212+00:00','root','create',NULL,NULL,NULL,1,'[]','[["skeleton",[1],null]]','[["skeleton",[1],{"value":"{\"name\": \"mouse\", \"keypoints\": [\"nose\", \"left ear\", \"right ear\", \"tail\"], \"parent\": [3, 0, 0, -1], \"swap\": [-1, 2, 1, -1], \"edges\": [[1, 2]]}"}]]');
INSERT INTO "edits" VALUES(2,'2026-11-22T08:46:59.275+00:00','ann','add video',NULL,NULL,NULL,1,'[]','[["videos",[1],null]]','[["videos",[1],{"path":"clip.mp4","hash":"0fd78f2c1ebd9abc12ea727160d9533f6a4d5b1e56524c7bf70ade351ae28a56","bytes":2050,"width":64,"height":64,"frames":30,"fps":30.0}]]');
INSERT INTO "edits" VALUES(3,'2026-11-22T08:46:59.284+00:00','ann','import',NULL,NULL,NULL,5,'[[1,8],[1,10],[1,13]]','[["individuals",[1],null],["individuals",[2],null],["instances",[1,8,1],null],["instances",[1,10,1],null],["instances",[1,13,2],null]]','[["individuals",[1],{"name":"ann"}],["individuals",[2],{"name":"bob"}],["instances",[1,8,1],{"origin":0,"points":[[0,52.58905384864223,3.514082088311661,2],[2,27.02036199895722,47.77945621723765,2],[3,13.838532539624847,3.1212780638645765,1]]}],["instances",[1,10,1],{"origin":1,"points":[[0,21.906610094689714,6.329716774213772,2],[3,29.99374882125882,25.513717490944533,1]]}],["instances",[1,13,2],{"origin":0,"points":[[0,24.27311038929169,11.91078267055532,2],[1,5.445182737147314,34.81994315921104,2],[3,null,null,0]]}]]');
INSERT INTO "edits" VALUES(4,'2026-11-22T08:46:59.294+00:00','ann','place',NULL,'037da057e09e4e84b3fa478946d1057b',NULL,1,'[[1,25]]','[["instances",[1,25,-5],null]]','[["instances",[1,25,-5],{"origin":0,"points":[[0,1.0,2.0,2],[1,2.0,2.0,2],[2,3.0,2.0,2],[3,4.0,2.0,2]]}]]');
INSERT INTO "edits" VALUES(5,'2026-11-22T08:46:59.298+00:00','ann','skeleton',NULL,'e04397f4587f42a1ae5b6e60ca4923b4',NULL,5,'[[1,8],[1,10],[1,13],[1,25]]','[["skeleton",[1],{"value":"{\"name\": \"mouse\", \"keypoints\": [\"nose\", \"left ear\", \"right ear\", \"tail\"], \"parent\": [3, 0, 0, -1], \"swap\": [-1, 2, 1, -1], \"edges\": [[1, 2]]}"}],["instances",[1,8,1],{"origin":0,"points":[[0,52.58905384864223,3.514082088311661,2],[2,27.02036199895722,47.77945621723765,2],[3,13.838532539624847,3.1212780638645765,1]]}],["instances",[1,10,1],{"origin":1,"points":[[0,21.906610094689714,6.329716774213772,2],[3,29.99374882125882,25.513717490944533,1]]}],["instances",[1,13,2],{"origin":0,"points":[[0,24.27311038929169,11.91078267055532,2],[1,5.445182737147314,34.81994315921104,2],[3,null,null,0]]}],["instances",[1,25,-5],{"origin":0,"points":[[0,1.0,2.0,2],[1,2.0,2.0,2],[2,3.0,2.0,2],[3,4.0,2.0,2]]}]]','[["skeleton",[1],{"value":"{\"name\": \"m\", \"keypoints\": [\"tail\", \"nose\", \"left ear\", \"right ear\"], \"parent\": [-1, -1, -1, -1], \"swap\": [-1, -1, -1, -1], \"edges\": [], \"order\": [3, 0, 1, 2]}"}],["instances",[1,8,1],{"origin":0,"points":[[0,13.838532539624847,3.1212780638645765,1],[1,52.58905384864223,3.514082088311661,2],[3,27.02036199895722,47.77945621723765,2]]}],["instances",[1,10,1],{"origin":1,"points":[[0,29.99374882125882,25.513717490944533,1],[1,21.906610094689714,6.329716774213772,2]]}],["instances",[1,13,2],{"origin":0,"points":[[0,null,null,0],[1,24.27311038929169,11.91078267055532,2],[2,5.445182737147314,34.81994315921104,2]]}],["instances",[1,25,-5],{"origin":0,"points":[[0,4.0,2.0,2],[1,1.0,2.0,2],[2,2.0,2.0,2],[3,3.0,2.0,2]]}]]');
INSERT INTO "edits" VALUES(6,'2026-11-22T08:46:59.302+00:00','bob','place',NULL,'f1ea2a0b3b3b4578a8d5ad8f23cc6306',NULL,1,'[[1,26]]','[["instances",[1,26,-5],null]]','[["instances",[1,26,-5],{"origin":0,"points":[[0,10.0,20.0,2],[1,11.0,20.0,2],[2,12.0,20.0,2],[3,13.0,20.0,2]]}]]');
INSERT INTO "edits" VALUES(7,'2026-11-22T08:46:59.309+00:00','ann','skeleton',NULL,'ce3c67b37ced4420aeefccfd2b14fa4a',NULL,4,'[[1,13],[1,25],[1,26]]','[["skeleton",[1],{"value":"{\"name\": \"m\", \"keypoints\": [\"tail\", \"nose\", \"left ear\", \"right ear\"], \"parent\": [-1, -1, -1, -1], \"swap\": [-1, -1, -1, -1], \"edges\": [], \"order\": [3, 0, 1, 2]}"}],["instances",[1,13,2],{"origin":0,"points":[[0,null,null,0],[1,24.27311038929169,11.91078267055532,2],[2,5.445182737147314,34.81994315921104,2]]}],["instances",[1,25,-5],{"origin":0,"points":[[0,4.0,2.0,2],[1,1.0,2.0,2],[2,2.0,2.0,2],[3,3.0,2.0,2]]}],["instances",[1,26,-5],{"origin":0,"points":[[0,10.0,20.0,2],[1,11.0,20.0,2],[2,12.0,20.0,2],[3,13.0,20.0,2]]}]]','[["skeleton",[1],{"value":"{\"name\": \"m\", \"keypoints\": [\"tail\", \"nose\", \"chin\", \"right ear\"], \"parent\": [-1, -1, -1, -1], \"swap\": [-1, -1, -1, -1], \"edges\": [], \"order\": [0, 1, -1, 3]}"}],["instances",[1,13,2],{"origin":0,"points":[[0,null,null,0],[1,24.27311038929169,11.91078267055532,2]]}],["instances",[1,25,-5],{"origin":0,"points":[[0,4.0,2.0,2],[1,1.0,2.0,2],[3,3.0,2.0,2]]}],["instances",[1,26,-5],{"origin":0,"points":[[0,10.0,20.0,2],[1,11.0,20.0,2],[3,13.0,20.0,2]]}]]');
INSERT INTO "edits" VALUES(8,'2026-11-22T08:46:59.314+00:00','bob','place',NULL,'81684871ff144c68855a14ce162d6fb9',NULL,1,'[[1,27]]','[["instances",[1,27,-5],null]]','[["instances",[1,27,-5],{"origin":0,"points":[[0,20.0,40.0,2],[1,21.0,40.0,2],[2,22.0,40.0,2],[3,23.0,40.0,2]]}]]');
INSERT INTO "edits" VALUES(9,'2026-11-22T08:46:59.319+00:00','bob','undo',8,'e6bf8010b91843669ce51079dfea7521',NULL,1,'[[1,27]]','[["instances",[1,27,-5],{"origin":0,"points":[[0,20.0,40.0,2],[1,21.0,40.0,2],[2,22.0,40.0,2],[3,23.0,40.0,2]]}]]','[["instances",[1,27,-5],null]]');
INSERT INTO "edits" VALUES(10,'2026-11-22T08:46:59.330+00:00','bob','redo',8,'867cefc84505416189665ae2da0c8810',NULL,1,'[[1,27]]','[["instances",[1,27,-5],null]]','[["instances",[1,27,-5],{"origin":0,"points":[[0,20.0,40.0,2],[1,21.0,40.0,2],[2,22.0,40.0,2],[3,23.0,40.0,2]]}]]');
INSERT INTO "edits" VALUES(11,'2026-11-22T08:46:59.346+00:00','ann','skeleton',NULL,'84468e9378694edbba8918b2c7de9b54',12,7,'[[1,8],[1,10],[1,13],[1,25],[1,26],[1,27]]','[["skeleton",[1],{"value":"{\"name\": \"m\", \"keypoints\": [\"tail\", \"nose\", \"chin\", \"right ear\"], \"parent\": [-1, -1, -1, -1], \"swap\": [-1, -1, -1, -1], \"edges\": [], \"order\": [0, 1, -1, 3]}"}],["instances",[1,8,1],{"origin":0,"points":[[0,13.838532539624847,3.1212780638645765,1],[1,52.58905384864223,3.514082088311661,2],[3,27.02036199895722,47.77945621723765,2]]}],["instances",[1,10,1],{"origin":1,"points":[[0,29.99374882125882,25.513717490944533,1],[1,21.906610094689714,6.329716774213772,2]]}],["instances",[1,13,2],{"origin":0,"points":[[0,null,null,0],[1,24.27311038929169,11.91078267055532,2]]}],["instances",[1,25,-5],{"origin":0,"points":[[0,4.0,2.0,2],[1,1.0,2.0,2],[3,3.0,2.0,2]]}],["instances",[1,26,-5],{"origin":0,"points":[[0,10.0,20.0,2],[1,11.0,20.0,2],[3,13.0,20.0,2]]}],["instances",[1,27,-5],{"origin":0,"points":[[0,20.0,40.0,2],[1,21.0,40.0,2],[2,22.0,40.0,2],[3,23.0,40.0,2]]}]]','[["skeleton",[1],{"value":"{\"name\": \"m\", \"keypoints\": [\"nose\", \"tail\", \"chin\", \"right ear\"], \"parent\": [-1, -1, -1, -1], \"swap\": [-1, -1, -1, -1], \"edges\": [], \"order\": [1, 0, 2, 3]}"}],["instances",[1,8,1],{"origin":0,"points":[[0,52.58905384864223,3.514082088311661,2],[1,13.838532539624847,3.1212780638645765,1],[3,27.02036199895722,47.77945621723765,2]]}],["instances",[1,10,1],{"origin":1,"points":[[0,21.906610094689714,6.329716774213772,2],[1,29.99374882125882,25.513717490944533,1]]}],["instances",[1,13,2],{"origin":0,"points":[[0,24.27311038929169,11.91078267055532,2],[1,null,null,0]]}],["instances",[1,25,-5],{"origin":0,"points":[[0,1.0,2.0,2],[1,4.0,2.0,2],[3,3.0,2.0,2]]}],["instances",[1,26,-5],{"origin":0,"points":[[0,11.0,20.0,2],[1,10.0,20.0,2],[3,13.0,20.0,2]]}],["instances",[1,27,-5],{"origin":0,"points":[[0,21.0,40.0,2],[1,20.0,40.0,2],[2,22.0,40.0,2],[3,23.0,40.0,2]]}]]');
INSERT INTO "edits" VALUES(12,'2026-11-22T08:46:59.355+00:00','ann','undo',11,'8a62c9c2e4e84a36b2fbdd38e6bdfed1',NULL,7,'[[1,27],[1,26],[1,25],[1,13],[1,10],[1,8]]','[["instances",[1,27,-5],{"origin":0,"points":[[0,21.0,40.0,2],[1,20.0,40.0,2],[2,22.0,40.0,2],[3,23.0,40.0,2]]}],["instances",[1,26,-5],{"origin":0,"points":[[0,11.0,20.0,2],[1,10.0,20.0,2],[3,13.0,20.0,2]]}],["instances",[1,25,-5],{"origin":0,"points":[[0,1.0,2.0,2],[1,4.0,2.0,2],[3,3.0,2.0,2]]}],["instances",[1,13,2],{"origin":0,"points":[[0,24.27311038929169,11.91078267055532,2],[1,null,null,0]]}],["instances",[1,10,1],{"origin":1,"points":[[0,21.906610094689714,6.329716774213772,2],[1,29.99374882125882,25.513717490944533,1]]}],["instances",[1,8,1],{"origin":0,"points":[[0,52.58905384864223,3.514082088311661,2],[1,13.838532539624847,3.1212780638645765,1],[3,27.02036199895722,47.77945621723765,2]]}],["skeleton",[1],{"value":"{\"name\": \"m\", \"keypoints\": [\"nose\", \"tail\", \"chin\", \"right ear\"], \"parent\": [-1, -1, -1, -1], \"swap\": [-1, -1, -1, -1], \"edges\": [], \"order\": [1, 0, 2, 3]}"}]]','[["instances",[1,27,-5],{"origin":0,"points":[[0,20.0,40.0,2],[1,21.0,40.0,2],[2,22.0,40.0,2],[3,23.0,40.0,2]]}],["instances",[1,26,-5],{"origin":0,"points":[[0,10.0,20.0,2],[1,11.0,20.0,2],[3,13.0,20.0,2]]}],["instances",[1,25,-5],{"origin":0,"points":[[0,4.0,2.0,2],[1,1.0,2.0,2],[3,3.0,2.0,2]]}],["instances",[1,13,2],{"origin":0,"points":[[0,null,null,0],[1,24.27311038929169,11.91078267055532,2]]}],["instances",[1,10,1],{"origin":1,"points":[[0,29.99374882125882,25.513717490944533,1],[1,21.906610094689714,6.329716774213772,2]]}],["instances",[1,8,1],{"origin":0,"points":[[0,13.838532539624847,3.1212780638645765,1],[1,52.58905384864223,3.514082088311661,2],[3,27.02036199895722,47.77945621723765,2]]}],["skeleton",[1],{"value":"{\"name\": \"m\", \"keypoints\": [\"tail\", \"nose\", \"chin\", \"right ear\"], \"parent\": [-1, -1, -1, -1], \"swap\": [-1, -1, -1, -1], \"edges\": [], \"order\": [0, 1, -1, 3]}"}]]');
INSERT INTO "edits" VALUES(13,'2026-11-22T08:46:59.365+00:00','ann','place',NULL,'56ebd0f6dfe148cead70058f8357f601',NULL,1,'[[1,28]]','[["instances",[1,28,-5],null]]','[["instances",[1,28,-5],{"origin":0,"points":[[0,30.0,60.0,2],[1,31.0,60.0,2],[2,32.0,60.0,2],[3,33.0,60.0,2]]}]]');
CREATE TABLE extras (            -- what files of other programs said besides, for exports
    video INTEGER NOT NULL,      -- 0 what is said of all videos
    frame INTEGER NOT NULL,      -- -1 of all frames
    individual INTEGER NOT NULL, -- 0 of all animals
    value TEXT NOT NULL,         -- JSON: {format: {…}}
    PRIMARY KEY (video, frame, individual)
) WITHOUT ROWID;
CREATE TABLE frames (            -- what was said of frames as a whole; others are complete
    video INTEGER NOT NULL REFERENCES videos, frame INTEGER NOT NULL CHECK (frame >= 0),
    complete INTEGER,            -- 1 every animal is labelled, 0 the rest is not background,
                                 -- 2 somebody is at work, and nothing of it is used
    flag INTEGER NOT NULL DEFAULT 0, note TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (video, frame)
) WITHOUT ROWID;
CREATE TABLE individuals (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
INSERT INTO "individuals" VALUES(1,'ann');
INSERT INTO "individuals" VALUES(2,'bob');
CREATE TABLE instances (
    id INTEGER PRIMARY KEY,
    video INTEGER NOT NULL REFERENCES videos, frame INTEGER NOT NULL CHECK (frame >= 0),
    individual INTEGER NOT NULL CHECK (individual <> 0), origin INTEGER NOT NULL,
    named INTEGER AS (CASE WHEN individual > 0 THEN individual END) REFERENCES individuals,
    UNIQUE (video, frame, individual)
);
INSERT INTO "instances" VALUES(1,1,8,1,0);
INSERT INTO "instances" VALUES(2,1,10,1,1);
INSERT INTO "instances" VALUES(3,1,13,2,0);
INSERT INTO "instances" VALUES(4,1,25,-5,0);
INSERT INTO "instances" VALUES(5,1,26,-5,0);
INSERT INTO "instances" VALUES(6,1,27,-5,0);
INSERT INTO "instances" VALUES(7,1,28,-5,0);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "meta" VALUES('created','2026-11-22T08:46:59.173983+00:00');
INSERT INTO "meta" VALUES('gambol','0.1.0');
CREATE TABLE points (            -- keypoints of which nobody said anything have no row
    instance INTEGER NOT NULL REFERENCES instances ON DELETE CASCADE,
    keypoint INTEGER NOT NULL, x REAL, y REAL, visibility INTEGER NOT NULL,
    PRIMARY KEY (instance, keypoint)
) WITHOUT ROWID;
INSERT INTO "points" VALUES(1,0,1.38385325396248468619e+01,3.12127806386457651299e+00,1);
INSERT INTO "points" VALUES(1,1,5.25890538486422300925e+01,3.51408208831166080088e+00,2);
INSERT INTO "points" VALUES(1,3,2.70203619989572203503e+01,4.77794562172376515709e+01,2);
INSERT INTO "points" VALUES(2,0,2.99937488212588192482e+01,2.5513717490944532785e+01,1);
INSERT INTO "points" VALUES(2,1,2.19066100946897144305e+01,6.32971677421377165728e+00,2);
INSERT INTO "points" VALUES(3,0,NULL,NULL,0);
INSERT INTO "points" VALUES(3,1,2.42731103892916912903e+01,1.19107826705553208055e+01,2);
INSERT INTO "points" VALUES(4,0,4.0,2.0,2);
INSERT INTO "points" VALUES(4,1,1.0,2.0,2);
INSERT INTO "points" VALUES(4,3,3.0,2.0,2);
INSERT INTO "points" VALUES(5,0,10.0,20.0,2);
INSERT INTO "points" VALUES(5,1,11.0,20.0,2);
INSERT INTO "points" VALUES(5,3,13.0,20.0,2);
INSERT INTO "points" VALUES(6,0,20.0,40.0,2);
INSERT INTO "points" VALUES(6,1,21.0,40.0,2);
INSERT INTO "points" VALUES(6,2,22.0,40.0,2);
INSERT INTO "points" VALUES(6,3,23.0,40.0,2);
INSERT INTO "points" VALUES(7,0,30.0,60.0,2);
INSERT INTO "points" VALUES(7,1,31.0,60.0,2);
INSERT INTO "points" VALUES(7,2,32.0,60.0,2);
INSERT INTO "points" VALUES(7,3,33.0,60.0,2);
CREATE TABLE regions (           -- polygons without loss and without score
    id INTEGER PRIMARY KEY,
    video INTEGER NOT NULL REFERENCES videos,
    frame INTEGER NOT NULL,      -- -1 in all frames
    polygon TEXT NOT NULL        -- JSON: [[x, y], …], video pixels
);
CREATE TABLE skeleton (id INTEGER PRIMARY KEY CHECK (id = 1), value TEXT NOT NULL);
INSERT INTO "skeleton" VALUES(1,'{"name": "m", "keypoints": ["tail", "nose", "chin", "right ear"], "parent": [-1, -1, -1, -1], "swap": [-1, -1, -1, -1], "edges": [], "order": [0, 1, -1, 3]}');
CREATE TABLE suggestions (
    video INTEGER NOT NULL REFERENCES videos, frame INTEGER NOT NULL, reason TEXT NOT NULL,
    score REAL, rank INTEGER NOT NULL, done INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (video, frame)
) WITHOUT ROWID;
CREATE TABLE touched (           -- which edits changed a row, follows from the log
    tbl TEXT NOT NULL, k1 INTEGER NOT NULL, k2 INTEGER NOT NULL, k3 INTEGER NOT NULL,
    edit INTEGER NOT NULL,
    PRIMARY KEY (tbl, k1, k2, k3, edit)
) WITHOUT ROWID;
INSERT INTO "touched" VALUES('individuals',1,0,0,3);
INSERT INTO "touched" VALUES('individuals',2,0,0,3);
INSERT INTO "touched" VALUES('instances',1,8,1,3);
INSERT INTO "touched" VALUES('instances',1,8,1,5);
INSERT INTO "touched" VALUES('instances',1,8,1,11);
INSERT INTO "touched" VALUES('instances',1,8,1,12);
INSERT INTO "touched" VALUES('instances',1,10,1,3);
INSERT INTO "touched" VALUES('instances',1,10,1,5);
INSERT INTO "touched" VALUES('instances',1,10,1,11);
INSERT INTO "touched" VALUES('instances',1,10,1,12);
INSERT INTO "touched" VALUES('instances',1,13,2,3);
INSERT INTO "touched" VALUES('instances',1,13,2,5);
INSERT INTO "touched" VALUES('instances',1,13,2,7);
INSERT INTO "touched" VALUES('instances',1,13,2,11);
INSERT INTO "touched" VALUES('instances',1,13,2,12);
INSERT INTO "touched" VALUES('instances',1,25,-5,4);
INSERT INTO "touched" VALUES('instances',1,25,-5,5);
INSERT INTO "touched" VALUES('instances',1,25,-5,7);
INSERT INTO "touched" VALUES('instances',1,25,-5,11);
INSERT INTO "touched" VALUES('instances',1,25,-5,12);
INSERT INTO "touched" VALUES('instances',1,26,-5,6);
INSERT INTO "touched" VALUES('instances',1,26,-5,7);
INSERT INTO "touched" VALUES('instances',1,26,-5,11);
INSERT INTO "touched" VALUES('instances',1,26,-5,12);
INSERT INTO "touched" VALUES('instances',1,27,-5,8);
INSERT INTO "touched" VALUES('instances',1,27,-5,9);
INSERT INTO "touched" VALUES('instances',1,27,-5,10);
INSERT INTO "touched" VALUES('instances',1,27,-5,11);
INSERT INTO "touched" VALUES('instances',1,27,-5,12);
INSERT INTO "touched" VALUES('instances',1,28,-5,13);
INSERT INTO "touched" VALUES('skeleton',1,0,0,1);
INSERT INTO "touched" VALUES('skeleton',1,0,0,5);
INSERT INTO "touched" VALUES('skeleton',1,0,0,7);
INSERT INTO "touched" VALUES('skeleton',1,0,0,11);
INSERT INTO "touched" VALUES('skeleton',1,0,0,12);
INSERT INTO "touched" VALUES('videos',1,0,0,2);
CREATE TABLE track_edits (       -- the log of a file, one record a row
    tracks INTEGER NOT NULL REFERENCES tracks, place INTEGER NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (tracks, place)
) WITHOUT ROWID;
CREATE TABLE tracks (            -- files of tracks that people edited
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,   -- of the log, relative to the project, forward slashes
    about TEXT NOT NULL          -- JSON: the automatic tracks that the log begins with
);
CREATE TABLE videos (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL,          -- relative to the project, forward slashes
    hash TEXT NOT NULL UNIQUE,   -- of the content, finds the video again when it was moved
    bytes INTEGER,               -- NULL for a folder of images
    width INTEGER NOT NULL, height INTEGER NOT NULL, frames INTEGER NOT NULL, fps REAL NOT NULL
);
INSERT INTO "videos" VALUES(1,'clip.mp4','0fd78f2c1ebd9abc12ea727160d9533f6a4d5b1e56524c7bf70ade351ae28a56',2050,64,64,30,30.0);
CREATE INDEX points_by_keypoint ON points (keypoint, visibility);
CREATE INDEX edits_by_author ON edits (author, undone, target, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('edits',13);
COMMIT;
PRAGMA user_version = 6;
PRAGMA application_id = 1734438242;
