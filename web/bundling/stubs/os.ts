export const tmpdir = () => '/'
export default { tmpdir }
