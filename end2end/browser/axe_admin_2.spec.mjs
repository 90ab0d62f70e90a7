// No violation of WCAG 2.2 AA that axe can find, in both themes: the admins' pages, the other half.
import { finds } from "./axe.mjs";
import { seed } from "./history.mjs";
import { site } from "./site.mjs";

const { router, test } = await site();
const history = await seed(router);

finds(test, history, history.admin, 1, 2);
