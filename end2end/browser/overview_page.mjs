// The overview page as somebody reads it: its figures by their labels, its tables by their captions.
// What the figures should be is the specs' to say.

export const figure = (page, label) => page.locator("dl.stats > div").filter({ hasText: label }).locator("dd").first();
export const rowsOf = (page, caption) => page.getByRole("table", { name: caption }).getByRole("rowgroup").last().getByRole("row");

// A row's texts, cell by cell.
export async function cells(row) {
  const texts = await row.getByRole("cell").allInnerTexts();
  return texts.map((text) => text.replace(/\s+/g, " ").trim());
}

// The amount in a row, exact to the nano-dollar: the text of its tooltip.
export const exactAmount = (row) => row.getByRole("cell").locator("span.figure[title^='$']").getAttribute("title");

// An amount below a dollar as the tooltips print it: $0.0002865, without zeros at the end.
export const exact = (nano) => `$0.${String(nano).padStart(9, "0").replace(/0+$/, "")}`;
