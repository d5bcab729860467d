/** In place of what a page cannot have (files, local networks) or must not have (another way out). Never called. */
export default {}
