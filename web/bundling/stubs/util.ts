type Constructor = abstract new (...args: never[]) => object

/** Node's `util.inherits`, the one function of it that the DHT uses. */
export function inherits(child: Constructor, parent: Constructor): void {
  Object.setPrototypeOf(child.prototype, parent.prototype)
  Object.setPrototypeOf(child, parent)
}

export default { inherits }
