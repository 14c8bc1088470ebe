// Which spells take what was picked, and what is said when one is cast.
import assert from "node:assert/strict";
import test from "node:test";
import { load } from "./load.mjs";

const { fieldsOf, labelOf, takes } = await load("past/casting.js");
const { inWords, kindOf, typeWords } = await load("parts/naming.js");

const one = { type: "Viewpoints", fits: ["topic"], needs: [] };
const two = { type: "Compared", fits: ["left", "right"], needs: [] };

test("a spell is ready where each of its references is given one thing", () => {
  assert.deepEqual([takes(one, 0), takes(one, 1), takes(one, 2)], [null, "ready", null]);
  assert.deepEqual([takes(two, 1), takes(two, 2)], [1, "ready"]);
});

test("each reference is told one thing, in the order in which they were picked", () => {
  assert.deepEqual(fieldsOf(two, "e", "n", ["y", "x"], { note: "hm" }), {
    note: "hm", left: { entity: "e", node: "n", element: "y" }, right: { entity: "e", node: "n", element: "x" },
  });
  assert.deepEqual(fieldsOf(one, "e", "", [""]), { topic: { entity: "e" } });
});

test("a thing is called by its name, that of what it holds, or its first words", () => {
  assert.equal(labelOf({ name: "climate", books: [] }), "climate");
  assert.equal(labelOf({ found: { title: "Emma" }, score: 1 }), "Emma");
  assert.equal(labelOf({ colour: "green", length: 2 }), "green");
  assert.equal(labelOf(4), "4");
  assert.equal(labelOf([1, 2]), "2 things");
  assert.equal(labelOf(null), "Nothing");
});

test("names of code and media types are told in words", () => {
  assert.equal(typeWords("ComparedLeaves"), "Compared leaves");
  assert.equal(typeWords("compare_view_points"), "Compare view points");
  assert.equal(inWords("birth_year"), "birth year");
  assert.deepEqual(["image/jpeg", "image/png", "text/plain", "application/x-what"].map(kindOf), ["Photo", "Picture", "Text", "File"]);
});
