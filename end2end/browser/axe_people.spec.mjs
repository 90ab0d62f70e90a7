// No violation of WCAG 2.2 AA that axe can find, in both themes: the pages of strangers and users.
import { finds } from "./axe.mjs";
import { seed } from "./history.mjs";
import { site } from "./site.mjs";

const { router, test } = await site();
const history = await seed(router);

for (const as of [undefined, history.ada]) finds(test, history, as);
