// A link to the page that a stage wrote about what is shown; it opens beside the studio.
import { url } from "../api";
import { addressOf } from "../store/reports";

/** The link; nothing where there is no such page. */
export function ReportLink({ place, what }: { place: string; what: string }) {
  const address = addressOf(place);
  if (address === null) return null;
  return (
    <a class="button" href={url(address)} target="_blank" rel="noopener" title={`${what}, in another tab`} data-test="report">
      report
    </a>
  );
}
