// WebTorrent treats a missing utp-native as "no uTP".
export default undefined
