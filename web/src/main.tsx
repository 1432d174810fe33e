// The page: its screens, then its frame, then everything that lives in it.
import { render } from "preact";
import { begin } from "./begin";
import "./style.css";
import { Shell } from "./widgets/shell";
import "./widgets/widgets.css";

// every screen that is there registers itself (`registerScreen`)
import.meta.glob("./screens/*/index.tsx", { eager: true });

const root = document.getElementById("studio");
if (root === null) throw new Error("index.html has no element #studio");
render(<Shell />, root);
void begin().catch(() => undefined); // what was wrong stands on the page
