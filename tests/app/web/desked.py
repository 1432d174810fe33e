"""A server of the routes of labels, without guard and files, and a page that edits."""

import itertools
import random
import uuid
import warnings

from labelled import MOUSE
from starlette.applications import Starlette

from gambol.app.web import edits, feed, project
from gambol.app.web.answers import HANDLERS
from gambol.app.web.desk import Desk
from gambol.app.web.state import Studio

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the successor of httpx
    from starlette.testclient import TestClient

J = len(MOUSE)


def studio_of(folder, **more):
    return Studio(folder, Desk(folder), user="ann", version="0", **more)


def client_of(studio):
    routes = [r for module in (edits, feed, project) for r in module.routes(studio)]
    return TestClient(Starlette(routes=routes, exception_handlers=HANDLERS))


def by(name):
    return {"X-Gambol-User": name}


def change(table, key, saw, value):
    return {"table": table, "key": list(key), "saw": saw, "value": value}


def edit(*changes, action="place", uid=None):
    return {"id": uid or uuid.uuid4().hex, "action": action, "changes": list(changes)}


def post(client, *edits, user="ann", force=False):
    return client.post(
        "/api/edits", json={"edits": list(edits), "force": force}, headers=by(user)
    )


def step(client, how, n=1, user="ann", force=False, uid=None):
    body = {"id": uid or uuid.uuid4().hex, "n": n, "force": force}
    return client.post(f"/api/{how}", json=body, headers=by(user))


def animal(x=1.0, origin=0, n=J):
    return {"origin": origin, "points": [[j, x + j, 2.0 * x, 2] for j in range(n)]}


class Page:
    """Computes rows as a page does: it knows what stands, and posts what shall be."""

    def __init__(self, rng, frames=30):
        self.rng, self.frames = rng, frames
        self.rows = {("skeleton", (1,)): MOUSE.to_dict()}
        self.numbers = itertools.count(1)

    def put(self, table, key, value):
        saw = self.rows.get((table, key))
        self.rows[table, key] = value
        return change(table, key, saw, value)

    def points(self):
        n = len(self.rows["skeleton", (1,)]["keypoints"])
        points = []
        for j in range(n):
            state = self.rng.choice([0, 1, 2, None])
            if state is not None:
                xy = [None, None] if state == 0 else [self.rng.uniform(0, 64), 7.5]
                points.append([j, *xy, state])
        return points

    def edit(self):
        kind = self.rng.choice(
            ["place"] * 6 + ["state", "delete", "frame", "frame", "individual", "rename",
             "remove animal", "suggest", "region", "skeleton", "order", "many"]
        )  # fmt: skip
        changes = getattr(self, kind.replace(" ", "_"))()
        return edit(*changes, action=kind) if changes else self.edit()

    def _key(self):
        who = [key[0] for t, key in self.rows if t == "individuals" and self.rows[t, key]]
        return (1, self.rng.randrange(self.frames), self.rng.choice([*who, -1, -2]))

    def _there(self, table):
        return sorted(k for (t, k), v in self.rows.items() if t == table and v is not None)

    def place(self):
        key = self._key()
        value = {"origin": self.rng.randrange(3), "points": self.points()}
        if self.rows.get(("instances", key)) == value:
            return []
        frame = ("frames", key[:2])
        said = self.rows.get(frame)
        began = self.rows.get(("instances", key)) is None
        rows = [self.put("instances", key, value)]
        if said is None:
            rows.append(self.put(*frame, {"complete": 2, "flag": 0, "note": ""}))
        elif began and said["complete"] != 2:  # which the server would do by itself
            rows.append(self.put(*frame, said | {"complete": 2}))
        return rows

    def state(self):
        there = [k for k in self._there("instances") if self.rows["instances", k]["points"]]
        if not there:
            return []
        key = self.rng.choice(there)
        row = self.rows["instances", key]
        first, *rest = row["points"]
        new = [first[0], None, None, 0] if first[3] else [first[0], 3.25, 4.5, 1]
        return [self.put("instances", key, row | {"points": [new, *rest]})]

    def delete(self):
        there = self._there("instances")
        return [self.put("instances", self.rng.choice(there), None)] if there else []

    def frame(self):
        key = (1, self.rng.randrange(self.frames))
        value = {"complete": self.rng.choice([0, 1, 2]), "flag": self.rng.randrange(2)}
        value["note"] = self.rng.choice(["", "mirror?", "Schwanz – unklar"])
        return (
            [self.put("frames", key, value)] if self.rows.get(("frames", key)) != value else []
        )

    def individual(self):
        number = next(self.numbers)
        return [self.put("individuals", (number,), {"name": f"mouse {number}"})]

    def rename(self):
        there = self._there("individuals")
        if not there:
            return []
        name = f"renamed {next(self.numbers)}"
        return [self.put("individuals", self.rng.choice(there), {"name": name})]

    def remove_animal(self):
        there = self._there("individuals")
        if not there:
            return []
        (who,) = self.rng.choice(there)
        labels = [k for k in self._there("instances") if k[2] == who]
        return [
            *(self.put("instances", key, None) for key in labels),
            self.put("individuals", (who,), None),
        ]

    def suggest(self):
        key = (1, self.rng.randrange(self.frames))
        value = {"reason": "cover", "score": self.rng.random(), "rank": 3, "done": 0}
        return [self.put("suggestions", key, value)]

    def region(self):
        value = {"video": 1, "frame": -1, "polygon": [[0.0, 0.5], [9.0, 0.0], [0.0, 9.0]]}
        return [self.put("regions", (next(self.numbers),), value)]

    def skeleton(self):
        old = self.rows["skeleton", (1,)]
        names = [f"k{next(self.numbers)}", *old["keypoints"][1:]]
        new = old | {"keypoints": names}
        if len(names) < 6:
            grown = {name: [*old[name], -1] for name in ("parent", "swap")}
            new |= {"keypoints": [*names, f"k{next(self.numbers)}"], **grown}
        return [self.put("skeleton", (1,), new)]

    def order(self):
        old = self.rows["skeleton", (1,)]
        n = len(old["keypoints"])
        order = [-1, *self.rng.sample(range(n), max(2, n - 2))]
        names = [old["keypoints"][k] if k >= 0 else f"k{next(self.numbers)}" for k in order]
        none = [-1] * len(order)
        new = {"name": "m", "keypoints": names, "parent": none, "swap": none, "edges": []}
        one = self.put("skeleton", (1,), new)
        for key in self._there("instances"):  # what the server does, by its definition
            said = {point[0]: point[1:] for point in self.rows["instances", key]["points"]}
            points = [[j, *said[k]] for j, k in enumerate(order) if k in said]
            self.rows["instances", key] = self.rows["instances", key] | {"points": points}
        return [one | {"value": {"skeleton": new, "order": order}}]

    def many(self):
        return [row for _ in range(5) for row in self.place()]


def rng(seed):
    return random.Random(seed)
