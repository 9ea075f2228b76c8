/** Paint what should change: white strokes on a canvas over the picture. From a file without a pointer. */

const FILE_SIDE = 1024; // pixels of the longer side of a mask

export class MaskDialog {
  /** @param {{upload: (blob: Blob) => Promise<{id: string}>, done: (id: string|null) => void}} parts */
  constructor({ upload, done }) {
    Object.assign(this, { upload, done });
    this.dialog = document.getElementById("mask");
    const find = (name) => this.dialog.querySelector(`[data-mask-${name}]`);
    Object.assign(this, { image: find("image"), canvas: find("canvas"), size: find("size"), undoButton: find("undo"), clearButton: find("clear"), useButton: find("use"), file: find("file"), problem: find("problem") });
    this.strokes = [];
    this.image.addEventListener("load", () => this.#fit());
    this.canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    this.canvas.addEventListener("pointermove", (event) => this.#draw(event));
    for (const name of ["pointerup", "pointercancel"]) this.canvas.addEventListener(name, () => (this.stroke = null));
    this.undoButton.addEventListener("click", () => this.#set(this.strokes.slice(0, -1)));
    this.clearButton.addEventListener("click", () => this.#set([]));
    this.useButton.addEventListener("click", () => this.canvas.toBlob((blob) => this.#send(blob), "image/png"));
    find("whole").addEventListener("click", () => this.#finish(null));
    find("choose").addEventListener("click", () => this.file.click());
    this.file.addEventListener("change", () => this.file.files[0] && this.#send(this.file.files[0]));
  }

  open(address) {
    if (this.image.getAttribute("src") !== address) this.strokes = [];
    this.image.src = address;
    this.problem.hidden = true;
    this.dialog.showModal();
    if (this.image.complete) this.#fit();
  }

  #fit() {
    const { naturalWidth: width, naturalHeight: height } = this.image;
    const scale = FILE_SIDE / Math.max(width, height);
    Object.assign(this.canvas, { width: Math.round(width * scale), height: Math.round(height * scale) });
    this.#set(this.strokes);
  }

  #begin(event) {
    if (event.button) return;
    this.canvas.setPointerCapture(event.pointerId);
    const brush = (Number(this.size.value) / 100) * Math.max(this.canvas.width, this.canvas.height);
    this.stroke = { brush, points: [this.#point(event)] };
    this.#set([...this.strokes, this.stroke]);
  }

  #draw(event) {
    if (!this.stroke) return;
    this.stroke.points.push(this.#point(event));
    this.#paint(this.stroke);
  }

  /** Where the pointer is on the canvas, which is drawn as large as it fits, in the middle of its place. */
  #point(event) {
    const box = this.canvas.getBoundingClientRect();
    const { width, height } = this.canvas;
    const scale = Math.min(box.width / width, box.height / height);
    const [left, top] = [box.left + (box.width - width * scale) / 2, box.top + (box.height - height * scale) / 2];
    return [(event.clientX - left) / scale, (event.clientY - top) / scale];
  }

  #set(strokes) {
    this.strokes = strokes;
    const context = this.canvas.getContext("2d");
    context.fillStyle = "black";
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    for (const stroke of strokes) this.#paint(stroke);
    for (const button of [this.undoButton, this.clearButton, this.useButton]) button.disabled = !strokes.length;
  }

  #paint({ brush, points }) {
    const context = this.canvas.getContext("2d");
    Object.assign(context, { strokeStyle: "white", lineWidth: brush, lineCap: "round", lineJoin: "round" });
    context.beginPath();
    context.moveTo(...points[0]);
    for (const point of points.length > 1 ? points.slice(1) : points) context.lineTo(...point);
    context.stroke();
  }

  async #send(blob) {
    this.problem.hidden = true;
    this.useButton.disabled = true;
    try {
      this.#finish((await this.upload(blob)).id);
    } catch (failure) {
      this.problem.textContent = failure.message;
      this.problem.hidden = false;
    }
    this.file.value = "";
    this.useButton.disabled = !this.strokes.length;
  }

  #finish(id) {
    this.dialog.close();
    this.done(id);
  }
}
