BEGIN TRANSACTION;
CREATE TABLE edits (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time TEXT NOT NULL, author TEXT NOT NULL, action TEXT NOT NULL,
    before TEXT NOT NULL, after TEXT NOT NULL,  -- JSON: [[table, key, value or null], …]
    target INTEGER REFERENCES edits             -- the edit that an undo or redo is about
);
INSERT INTO "edits" VALUES(1,'2026-11-21T07:24:16.449+00:00','root','create','[["skeleton",[1],null]]','[["skeleton",[1],{"value":"{\"name\": \"mouse\", \"keypoints\": [\"nose\", \"left ear\", \"right ear\", \"tail\"], \"parent\": [3, 0, 0, -1], \"swap\": [-1, 2, 1, -1], \"edges\": [[1, 2]]}"}]]',NULL);
INSERT INTO "edits" VALUES(2,'2026-11-21T07:24:16.464+00:00','mei','import','[["videos",[1],null],["individuals",[1],null],["individuals",[2],null],["instances",[1,8,1],null],["instances",[1,13,2],null],["instances",[1,10,1],null],["instances",[1,4,1],null],["instances",[1,21,1],null],["instances",[1,17,1],null]]','[["videos",[1],{"path":"videos/clip.mp4","hash":"8bbb87ed0f4ead95968f0557d9ac0aba72db2921ca85d815370c8d9aa1fc7536","bytes":2431,"width":64,"height":64,"frames":30,"fps":30.0}],["individuals",[1],{"name":"ann"}],["individuals",[2],{"name":"bob"}],["instances",[1,8,1],{"origin":0,"points":[[0,52.58905384864223,3.514082088311661,2],[1,null,null,0],[2,27.02036199895722,47.77945621723765,1],[3,13.838532539624847,3.1212780638645765,1]]}],["instances",[1,13,2],{"origin":1,"points":[[0,24.27311038929169,11.91078267055532,2],[3,null,null,0]]}],["instances",[1,10,1],{"origin":1,"points":[[0,21.906610094689714,6.329716774213772,2],[2,26.42262928294704,57.27542962144423,1],[3,29.99374882125882,25.513717490944533,1]]}],["instances",[1,4,1],{"origin":0,"points":[[0,37.21280712092267,59.70579031411945,2],[1,56.93662049626592,27.602708358545765,2],[2,45.46373071849749,29.84536172925714,1],[3,null,null,0]]}],["instances",[1,21,1],{"origin":0,"points":[[0,24.879350961340247,44.06901430732376,2],[1,42.668572679384994,55.923581196802694,2],[2,null,null,0]]}],["instances",[1,17,1],{"origin":0,"points":[[0,0.8823782979221573,51.81840541473454,2],[1,null,null,0],[2,8.925840733949874,58.3577288293773,2],[3,53.39613334323124,49.34242965258422,2]]}]]',NULL);
INSERT INTO "edits" VALUES(3,'2026-11-21T07:24:16.466+00:00','mei','set','[["individuals",[3],null],["instances",[1,3,3],null]]','[["individuals",[3],{"name":"cat"}],["instances",[1,3,3],{"origin":0,"points":[[0,0.0,1.0,2],[1,2.0,3.0,2],[2,4.0,5.0,2],[3,6.0,7.0,2]]}]]',NULL);
INSERT INTO "edits" VALUES(4,'2026-11-21T07:24:16.467+00:00','mei','suggest','[["suggestions",[1,9],null]]','[["suggestions",[1,9],{"reason":"jump","score":2.5,"rank":0,"done":0}]]',NULL);
INSERT INTO "edits" VALUES(5,'2026-11-21T07:24:16.469+00:00','mei','set','[["instances",[1,4,3],null]]','[["instances",[1,4,3],{"origin":0,"points":[[0,0.0,0.3333333333333333,2],[1,0.6666666666666666,1.0,2],[2,1.3333333333333333,1.6666666666666667,2],[3,2.0,2.3333333333333335,2]]}]]',NULL);
INSERT INTO "edits" VALUES(6,'2026-11-21T07:24:16.470+00:00','mei','undo','[["instances",[1,4,3],{"origin":0,"points":[[0,0.0,0.3333333333333333,2],[1,0.6666666666666666,1.0,2],[2,1.3333333333333333,1.6666666666666667,2],[3,2.0,2.3333333333333335,2]]}]]','[["instances",[1,4,3],null]]',5);
CREATE TABLE individuals (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
INSERT INTO "individuals" VALUES(1,'ann');
INSERT INTO "individuals" VALUES(2,'bob');
INSERT INTO "individuals" VALUES(3,'cat');
CREATE TABLE instances (
    id INTEGER PRIMARY KEY,
    video INTEGER NOT NULL REFERENCES videos, frame INTEGER NOT NULL CHECK (frame >= 0),
    individual INTEGER NOT NULL REFERENCES individuals, origin INTEGER NOT NULL,
    UNIQUE (video, frame, individual)
);
INSERT INTO "instances" VALUES(1,1,8,1,0);
INSERT INTO "instances" VALUES(2,1,13,2,1);
INSERT INTO "instances" VALUES(3,1,10,1,1);
INSERT INTO "instances" VALUES(4,1,4,1,0);
INSERT INTO "instances" VALUES(5,1,21,1,0);
INSERT INTO "instances" VALUES(6,1,17,1,0);
INSERT INTO "instances" VALUES(7,1,3,3,0);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "meta" VALUES('created','2026-11-21T07:24:16.444521+00:00');
INSERT INTO "meta" VALUES('gambol','0.1.0');
CREATE TABLE points (            -- keypoints of which nobody said anything have no row
    instance INTEGER NOT NULL REFERENCES instances ON DELETE CASCADE,
    keypoint INTEGER NOT NULL, x REAL, y REAL, visibility INTEGER NOT NULL,
    PRIMARY KEY (instance, keypoint)
) WITHOUT ROWID;
INSERT INTO "points" VALUES(1,0,5.25890538486422300925e+01,3.51408208831166080088e+00,2);
INSERT INTO "points" VALUES(1,1,NULL,NULL,0);
INSERT INTO "points" VALUES(1,2,2.70203619989572203503e+01,4.77794562172376515709e+01,1);
INSERT INTO "points" VALUES(1,3,1.38385325396248468619e+01,3.12127806386457651299e+00,1);
INSERT INTO "points" VALUES(2,0,2.42731103892916912903e+01,1.19107826705553208055e+01,2);
INSERT INTO "points" VALUES(2,3,NULL,NULL,0);
INSERT INTO "points" VALUES(3,0,2.19066100946897144305e+01,6.32971677421377165728e+00,2);
INSERT INTO "points" VALUES(3,2,2.64226292829470388312e+01,5.72754296214442319961e+01,1);
INSERT INTO "points" VALUES(3,3,2.99937488212588192482e+01,2.5513717490944532785e+01,1);
INSERT INTO "points" VALUES(4,0,3.72128071209226689579e+01,5.97057903141194472578e+01,2);
INSERT INTO "points" VALUES(4,1,5.69366204962659168149e+01,2.76027083585457653222e+01,2);
INSERT INTO "points" VALUES(4,2,4.54637307184974872589e+01,2.98453617292571387054e+01,1);
INSERT INTO "points" VALUES(4,3,NULL,NULL,0);
INSERT INTO "points" VALUES(5,0,2.48793509613402470388e+01,4.40690143073237621234e+01,2);
INSERT INTO "points" VALUES(5,1,4.2668572679384993763e+01,5.59235811968026936841e+01,2);
INSERT INTO "points" VALUES(5,2,NULL,NULL,0);
INSERT INTO "points" VALUES(6,0,8.82378297922157273092e-01,5.18184054147345420906e+01,2);
INSERT INTO "points" VALUES(6,1,NULL,NULL,0);
INSERT INTO "points" VALUES(6,2,8.92584073394987420613e+00,58.3577288293773,2);
INSERT INTO "points" VALUES(6,3,5.33961333432312414961e+01,4.93424296525842223095e+01,2);
INSERT INTO "points" VALUES(7,0,0.0,1.0,2);
INSERT INTO "points" VALUES(7,1,2.0,3.0,2);
INSERT INTO "points" VALUES(7,2,4.0,5.0,2);
INSERT INTO "points" VALUES(7,3,6.0,7.0,2);
CREATE TABLE skeleton (id INTEGER PRIMARY KEY CHECK (id = 1), value TEXT NOT NULL);
INSERT INTO "skeleton" VALUES(1,'{"name": "mouse", "keypoints": ["nose", "left ear", "right ear", "tail"], "parent": [3, 0, 0, -1], "swap": [-1, 2, 1, -1], "edges": [[1, 2]]}');
CREATE TABLE suggestions (
    video INTEGER NOT NULL REFERENCES videos, frame INTEGER NOT NULL, reason TEXT NOT NULL,
    score REAL, rank INTEGER NOT NULL, done INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (video, frame)
) WITHOUT ROWID;
INSERT INTO "suggestions" VALUES(1,9,'jump',2.5,0,0);
CREATE TABLE videos (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL,          -- relative to the project, forward slashes
    hash TEXT NOT NULL UNIQUE,   -- of the content, finds the video again when it was moved
    bytes INTEGER,               -- NULL for a folder of images
    width INTEGER NOT NULL, height INTEGER NOT NULL, frames INTEGER NOT NULL, fps REAL NOT NULL
);
INSERT INTO "videos" VALUES(1,'videos/clip.mp4','8bbb87ed0f4ead95968f0557d9ac0aba72db2921ca85d815370c8d9aa1fc7536',2431,64,64,30,30.0);
CREATE INDEX points_by_keypoint ON points (keypoint, visibility);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('edits',6);
COMMIT;
PRAGMA user_version = 1;
PRAGMA application_id = 1734438242;
