export default {
    en: { 'walk.about': '' },
    ru: { 'walk.about': '' },
};
