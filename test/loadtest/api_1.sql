SELECT swipesavvy.list_campaigns();
