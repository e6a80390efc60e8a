export default {
    en: { 'gallery.about': '' },
    ru: { 'gallery.about': '' },
};
